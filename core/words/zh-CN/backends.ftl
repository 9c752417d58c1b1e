# The Backends tab, and what is said of a backend where it is chosen.

backends-title = 后端
backend-own = { $backend } · 您的密钥
backend-closed = { $backend } · 已关闭
backend-sandbox = { $backend } · 沙盒
backend-not-ready = { $backend } · 未就绪
backend-about-own = 使用您自己的密钥：图像费用计入您在 { $backend } 的账户。
backend-about-loading = { $stage }。现在提交的任务会在其就绪后立即生成；在此之前可以使用 Miniature。
backend-about-sandbox = 无 API 密钥的演示模式：图像并非由 SRPO 生成。要使用真实服务，请设置 { $setting }，或在下面输入您自己的密钥。
backend-price-each = 每张 { $price }
backend-at-once = { $tasks } · { $price } · 同时 { $most } 个任务
backend-tasks-both = 文生图、图生图
backends-locked = 陌生人可以访问此 Playground，而 SRPO_BUDGET_DAY_USD 尚未设置，因此任何人都不能在此使用 { $backends }。请将它设置为每天可花费的金额，或设置 SRPO_PUBLIC_SPENDING=1，让访客不受预算限制地花费您的资金。
backends-resume = 恢复
backends-load-again = 重新加载

badge-ready = 就绪
badge-own = 您的密钥
badge-closed = 已关闭
badge-stopped = 已停止
badge-not-ready = 未就绪
badge-sandbox = 沙盒

stage-loading = 正在加载
stage-loading-share = 正在加载 · { $percent } %
stage-warming = 正在预热
stage-ready = 就绪
stage-error = 错误
stage-not-installed = 未安装
stage-not-loaded = 未加载
stage-licence = 未接受许可证
stage-no-model = 没有模型

own-keys-title = 您自己的密钥
own-keys = 输入您自己的密钥后，服务将用它为您生成图像，按其价格计入您的账户。密钥只保存在此服务器的内存中：从不写入磁盘，只用于您的任务；12 小时未使用、服务器重启或点击“忘记”后即被清除。运行此服务器的人能够读取它，因此请只在您信任的地方输入。
own-key-of = { $service } 密钥
own-key-use = 使用此密钥
own-key-use-of = 使用此密钥：{ $service }
own-key-forget = 忘记
own-key-forget-of = 忘记 { $service } 密钥
own-key-with = 使用您自己的密钥
own-key-unsure = 密钥已启用。{ $reason }
own-key-works = 此密钥有效。
own-key-works-left = 此密钥有效，余额 { $balance }。
own-key-resumed = { $count } 张需要它的图像将继续生成。
own-key-others = 还有 { $count } 张图像需要之前使用的密钥：请输入该密钥以获取它们。
own-key-in-use = 您的密钥正在使用中。
own-key-in-use-left = 您的密钥正在使用中，余额 { $balance }。
own-key-forgotten = 您的密钥已被清除。
own-key-forgotten-later = 正在用它生成的 { $count } 张图像完成后，您的密钥即被清除。不会再用它发送新的请求。

programs = 从程序调用
token-title = 脚本令牌
token-copy = 复制令牌
token-renew = 更换令牌
token-issue = 创建令牌
token-paste = 您的令牌
token-renewed = 旧令牌已失效。请将新令牌填入您的脚本。
snippet-mcp = MCP：助手的设置
snippet-copy = 复制：{ $title }

scripts-browser = 发送此令牌的脚本就代表您：它能看到您的图像并添加新图像。请像密码一样保管；如果可能被他人获取，请更换它，您的图像仍归您所有。
scripts-local = 本机上的脚本不需要令牌：它们就代表您。其他机器上发送此令牌的脚本拥有自己的图像。
scripts-user = 脚本与您一样，用您的用户名和密码登录。
scripts-account = 发送您的令牌的脚本就代表您。请创建并复制：它只显示一次。
scripts-issued = 您的脚本发送您创建的令牌；它不会再次显示。如果您已丢失它，或他人可能持有它，请更换；旧令牌随即失效。
scripts-once = 请立即复制：它不会再次显示。发送它的脚本就代表您，请像密码一样保管。之前的令牌已失效。
scripts-stranger = 请重新加载页面以获取令牌。

space-for-the-owner = 致此 Space 的运行者：它已可使用，还可以添加以下内容
space-storage = 存储：将一个 bucket 挂载到 Space 的 /data，并设置变量 SRPO_DATA_DIR=/data。否则 Space 休眠或重启后，图像及其历史记录都会丢失。
space-sign-in = 使用 Hugging Face 登录：在 README.md 的开头几行加入“hf_oauth: true”。访客即可在所有设备上保留图像，您也可以在 SRPO_ADMINS 中指定管理员。
space-budget = 预算：将变量 SRPO_BUDGET_DAY_USD 设置为访客每天可花费您的金额。在此之前他们不能花费。
space-licence = SRPO 本身：请阅读 FLUX.1 [dev] 和 SRPO 的许可证（仅限非商业用途），如接受请设置变量 SRPO_ACCEPT_LICENSE=1。
space-model = 在 Space 自己的 GPU 上运行模型：在 ZeroGPU 或您自己的 GPU 上设置变量 LOCAL_MODEL，例如 Runware/flux.1-dev-SRPO。
space-key-for = { $backend } 的 { $setting }
space-keys = 服务：请将您的密钥设置为 secret：{ $keys }。在此之前由沙盒代替，访客也可以输入自己的密钥。
