# The History tab.

history-choose = 选择一张图像，查看它是如何生成的。
history-take-away = 全部下载
history-use-all = 使用全部设置
history-send = 发送到图生图
history-restore = 从文件恢复设置
history-preparing = 正在准备搜索：{ $done } / { $total }
history-preparing-share = 正在准备搜索：{ $share }%
history-describing = 正在分析颜色：还剩 { $images } 张图像
history-describing-some = 正在分析颜色
