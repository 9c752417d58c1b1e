# How jobs stand, what can be done with them, and what it cost.

job-needs-key = 需要您的密钥 · 请在“后端”标签页再次输入同一密钥
job-lost = 响应丢失；正在服务的列表中查找
job-sending = 正在发送
job-pending = 仍在处理 · { $reason }
job-loading = 正在加载模型
job-loading-share = 正在加载模型 · { $percent } %
job-borrowing = 正在等待 GPU
job-step = 正在生成 · 第 { $step } 步，共 { $total } 步
job-ahead = 在服务的队列中 · 第 { $place } 位
job-generating = 正在生成
job-done = 完成
job-cancelled = 已取消 · 没有产生费用
job-failed = 失败
job-unknown = 待确认
job-stopped = 等待恢复
job-waiting = 等待中
job-waiting-because = 等待中 · { $reason }
job-waiting-behind = 等待中 · 前面还有 { $ahead } 个

tile-paused = 已暂停
tile-queued = 排队中
tile-queued-at = 排队 · 第 { $place } 位
tile-failed = 失败
tile-doubt = 待确认

queue = 队列
queue-hint = 打开两个标签页共用的队列
queue-trouble = { $state }。{ $reason }
queue-empty = 没有正在运行或等待的任务。
queue-running = { $count } 个运行中
queue-waiting = { $count } 个排队中
queue-more = 还有 { $count } 个
cancel-all = 全部取消
tell-when-done = 全部完成时通知我
jobs = 任务
troubles = 需要您处理

action-resume = 恢复
action-earlier = 上移
action-later = 下移
action-hide = 忽略
action-retry = 重试
action-again = 再次发送
action-dismiss = 忽略
action-adopt = 就是这个
action-look = 再次查找
action-fetch = 重新获取（免费）
action-instead = 不使用 GPU 时间生成
action-adopt-named = 就是 { $id }
again-costs = 第一次可能已经收费。再次发送需要 { $price }，因此可能收费两次。要再次发送吗？
retry-costs = 重新生成需要 { $price }。继续吗？

clock-late = { $passed } · 比平时久
clock-of = { $passed }，预计约 { $expected }

maybe-charged = 可能已经收费。
was-charged = 已收费。
not-charged = 没有收费。

cancel-title = 取消 { $count } 张图像？
cancel-yes = 取消 { $count } 张图像
cancel-keep = 保留
cancel-nothing-spent = 取消后不会为它们产生费用。
cancel-begun = { $count } 张已经开始：已付费的会保留，并进入历史记录。
cancel-free = { $count } 张尚未开始，不产生费用。
cancelled-all = 已取消 { $count } 张图像。没有产生费用。
cancelled-some = 已取消 { $count } 张图像，不产生费用。
cancelled-paid = { $count } 张已经付费，将进入历史记录。
cancelled-sending = { $count } 张正在发送：如果服务接受，则会收费并进入历史记录。
cancelled-not = { $count } 张未能停止。
cancelled-ended = { $count } 张已经结束。
cancelled-nothing = 已没有进行中的任务。
cancelled-one = 已取消。没有产生费用。
cancelled-one-sending = 正在发送。如果服务接受，则会收费并进入历史记录。
cancelled-one-paid = 已经付费：将进入历史记录。
cancelled-one-not = 未能停止。
cancelled-one-ended = 已经结束。

queue-stopped = 已暂停，以免所有任务以同样的原因失败。{ $reason }
resumed-by-operator = 运行此 Playground 的人可以恢复它。
resumed-by = 可以由以下用户恢复：{ $names }。
not-yours = 只有运行此 Playground 的人才能恢复其队列。
