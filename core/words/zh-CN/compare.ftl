# The Compare tab.

compare-prompt-example = 日落时分的红色帆船，{ "{" }平静|汹涌{ "}" }的海面
compare-start-from = 从图像开始
compare-no-source = 移除源图像
compare-columns = 列
compare-columns-about = 要对比的内容
compare-rows = 行
compare-pages = 页
compare-third = 页中的页
compare-values-of = { $side }：取值
compare-targets = 后端与模型
compare-open-csv = 打开 CSV 文件
compare-about-csv = 第一行是列名，之后每行是一张图像。
compare-rest = 其他设置
compare-rest-about = 全部相同
compare-drawn-once = 只抽取一次
compare-each-own = 各模型的默认值
compare-fresh = 改为新建一组
compare-run = 运行
compare-run-label = { $count ->
    [0] 运行 0 张图像 · { $price }
   *[other] 运行 { $counted } 张图像 · { $price }
}
compare-more-label = 再生成 { $counted } 张 · { $price }
compare-save = 保存此组
compare-images = { $count ->
    [0] 0 张图像
   *[other] { $counted } 张图像
}
compare-values = { $count ->
    [0] 0 个值
   *[other] { $counted } 个值
}
compare-size-time = { $size }，约 { $duration }
compare-left = 今日剩余 { $left }
compare-type = 共 { $images }。请输入 { $count } 以运行。
compare-not-typed = 此组共 { $images }，而没有输入该数字。没有发送任何内容。
compare-mean-unknown = { $duration } · 价格未设置
compare-total = { $done } / { $count }
compare-retry = 重试 { $count } 张 · { $price }
compare-retry-title = 重新生成 { $images }？
compare-retry-text = 合计需要 { $price }。
compare-ask-title = 生成 { $images }？
compare-ask-text = 由 { $names } 生成，逐张收费。
compare-ask-unknown = 其中一些的价格未在此设置。
compare-more-lines = 以及另外 { $count } 行
compare-ready = { $finished } / { $count }
compare-ready-paused = { $finished } / { $count } · 已暂停
compare-ready-running = { $finished } / { $count } · 运行中
compare-queued = 排队中
compare-your-key = 您的密钥
compare-sandbox = 沙盒
compare-no-prompt = 请先写提示词。
compare-no-target = 请至少选择一个后端。
compare-nothing-new = 这些图像都已存在。
compare-nearby = 相邻种子：每张图像都从各自的噪声开始。
compare-blend = 噪声混合：将这张图像种子的噪声逐步移向其他种子的噪声。
compare-no-blend = 无法混合这张图像的噪声：其后端不支持。
compare-try-seeds = 请改选相邻种子。
compare-strip = 强度序列：以图像本身为源，强度越高变化越大。
compare-new-seeds = 同一组，但使用从未用过的种子。请先看价格再运行。
compare-extending = 添加取值或后端：只生成缺少的部分，也只为其付费。
compare-no-strength = 此处没有已就绪且支持带强度的图生图的后端。
compare-no-setting = 这些后端都没有名为“{ $name }”的设置。
compare-another = 请选择其他设置。
compare-empty-list = 列表为空。
compare-empty-list-advice = 第一行是列名，例如 prompt 和 guidance。
compare-no-lines = 列表中没有图像。
compare-no-lines-advice = 请在第一行下面添加一行。
compare-hint-range = { $low } 到 { $high }：1, 3.5, 5 或 1–6 in 6 steps
compare-hint-toggle = yes, no
compare-hint-seed = 7, +1, +2 或 random 4
compare-hint-variation-seed = 7, +1, +2 或 random 4
compare-hint-prompt = 日落 => 黎明, 正午

compare-set = 组
compare-title = 此组的标题
compare-ways = 查看方式
compare-grid = 网格
compare-side = 并排
compare-slider = 滑块
compare-blind = 盲测
compare-sheet = 缩略图总表
compare-zip = ZIP
compare-more = 更多
compare-sets = 之前的组
compare-pause = 暂停
compare-go-on = 继续
compare-cancel = 取消等待中的
compare-extend = 扩展
compare-again = 用新种子重新运行
compare-page-zip = 可从文件夹打开的页面
compare-table-csv = 表格（CSV）
compare-all-json = 全部数据（JSON）
compare-picks-csv = 选择结果（CSV）
compare-file-names = ZIP 中的文件名
compare-delete = 删除此组
compare-pages-of = 页

vary-title = 这张图像的变体
vary-strength = 强度序列
vary-seeds = 相邻种子
vary-blend = 噪声混合
vary-about-seeds = 接下来的四个数字。每个都是新的噪声：图像共用同一请求，构图各不相同。
vary-about-strength = 以这张图像为源生成另外五张，依次离它越来越远。
vary-about-blend = 将其噪声略微移向其他种子的噪声：构图不变，细节改变。仅适用于由 Miniature 或本地模型生成的图像。
vary-first = 在生成之前，“对比”标签页会先显示将生成什么以及价格。
set-state-waiting = 等待中
set-state-sending = 正在发送
set-state-running = 运行中
set-state-finished = 已完成
set-state-failed = 失败
set-state-cancelled = 已取消
set-state-unknown = 待确认
