# Sentences of studio, kept in English and told again on the page.

studio-not-colour = “{ $plain }”不是颜色。
studio-write-as-six-digits-such = 请写成 # 加六位数字，例如 #4488d8。
studio-price-must-number-from-0 = 价格必须是 0 到 1,000,000 之间的数字（美元）。
studio-change-value = 请更改该值。
studio-there-no-database-file-read = 没有可读取的数据库文件。
studio-was-sent-with-key-your = 这是用您自己的密钥发送的，而您现在没有设置密钥。
studio-no-task = “{ $backend }”不提供任务“{ $name }”。
studio-no-backend = 没有名为“{ $name }”的后端。
studio-not-ready = { $label } 未就绪。
studio-no-other-backend-can-make = 现在没有其他后端可以生成这张图像。
studio-press-retry-later = 请稍后点击“重试”。
studio-enter-key-on-backends-tab = 请先在“后端”标签页输入密钥。
studio-link-cannot-show = 链接不能显示“{ $kind }”。
studio-there-no-such-link = 没有这个链接。
studio-links-look-at-are-switched = 此处已关闭分享链接。
studio-may-have-been-revoked-already = 它可能已被撤销。
studio-whoever-runs-playground-can-switch = 运行此 Playground 的人可以用 SRPO_SHARE=1 打开它们。
studio-service-deletes-nothing = 生成这张图像的服务不提供删除功能。
studio-it-forgets-by-itself = 它会在几天后自动清除图像。
