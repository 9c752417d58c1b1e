# What stands around the tabs, signing in and out, and what the server itself says.

page-title = FLUX.1 SRPO Playground
page-wordmark = FLUX.1 SRPO
page-tagline = 写下提示词，看它变成图像，并保留再次生成所需的一切。
page-language = 语言
page-footer = 图像由 AI 模型生成。FLUX.1 [dev] 和 SRPO 的权重仅限非商业用途；托管服务另有各自的条款。
page-closed = 已生成的图像仍可在历史记录中查看；在此之前不会生成新的图像。
page-fleeting = 此 Space 没有挂载存储：图像只保留到它休眠或重启为止。“历史记录”标签页的“全部下载”会连同设置一起保存它们。

tab-text-to-image = 文生图
tab-image-to-image = 图生图
tab-compare = 对比
tab-history = 历史记录
tab-spending = 费用
tab-backends = 后端

# How texts are put together.
sentence-break = { "" }
list-break = 、
list-and = 和

today-spent = 今日 { $spent }
today-spent-of = 今日 { $spent } / { $budget }
today-about = UTC 零点以来已花费、已预留或待确认的金额

undo = 撤销
cancel = 取消
close = 关闭
copy = 复制
copied = 已复制
not-now = 暂不
yes = 是
no = 否
duration-minutes = { $minutes } 分 { $seconds } 秒
duration-seconds = { $seconds } 秒

price-unknown = 价格未设置
images-counted = { $count } 张图像
price-free = 免费

old-page = 此页面比它所连接的程序旧。
reload = 请重新加载页面后再试。
unreadable-caller = 请求头 X-SRPO-Token 中没有本 Playground 的令牌。
how-to-say-who = 请从页面的“后端”标签页复制令牌，放入请求头 X-SRPO-Token 发送。
expired-download = 此下载已过期。请重新选择图像并再次导出。
no-owner = 此请求没有说明要访问谁的任务和图像。
not-understood = 无法理解此请求：请查看页面上的 API 说明。
no-login-form = 这不是包含用户名和密码的表单。
too-few-values = 缺少参数：需要 { $wanted } 个，只收到 { $came } 个。
unknown-host = 此服务器不响应名称“{ $name }”。运行者可以通过设置 SRPO_HOSTS 允许该名称。
too-many-files = 一次最多接受 { $most } 个文件。请减少数量后再试。
upload-limit = 此处每小时最多可上传 { $files } 个文件、共 { $megabytes } MB。
upload-larger = 这个文件超过了该上限。
upload-wait = { $minutes } 分钟后可以再次上传。
too-many-tries-seconds = 密码错误次数过多。请在 { $seconds } 秒后再试。
too-many-tries-minutes = 密码错误次数过多。请在 { $minutes } 分钟后再试。
for-mcp-clients = 此地址供 MCP 客户端使用。页面的“后端”标签页说明了应填入的设置。

sign-in = 登录后即可生成图像。密码输错五次后，下一次尝试需要等待，起初半分钟，之后更久。
sign-in-with-hub = 使用 Hugging Face 登录
not-signed-in = Hugging Face 未能完成登录。没有任何更改；请稍后再试。
no-cookie = 您的浏览器不保留登录所需的 Cookie，有些浏览器在嵌入其他网站的页面中会这样。请在单独的标签页中打开 Playground 并在那里登录。
sign-out = 退出登录
sign-out-of = 退出登录（{ $name }）
sign-out-here = 没有用户退出登录。如需退出，请点击此链接：
back = 返回 Playground
own-tab = 在单独的标签页中打开 Playground
take-along = 登录之前，此浏览器{ $made }。要一并带上吗？
take-images = 生成了 { $count } 张图像
take-jobs = 有 { $count } 个进行中的任务
take-yes = 一并带上
