# Sentences of local, kept in English and told again on the page.

local-loading-begins = 开始加载。
local-model-could-not-loaded-log = 无法加载模型：{ $name }。详情见日志。
local-local-model-not-ready = 本地模型未就绪。
local-local-model-failed = 本地模型失败：{ $name }。
local-log-has-more-try-other = 详情见日志；请尝试其他设置。
local-repo-could-not-reached-not = 无法访问仓库 { $repo }，缓存中也没有。
local-check-network-or-set-local = 请检查网络，或将 LOCAL_MODEL 设置为文件夹。
local-repo-gated = 仓库 { $repo } 需要授权。
local-there-no-repo-or-private = 没有仓库 { $repo }，或它是私有的。
local-repo-does-not-have-named = 仓库 { $repo } 没有指定的版本或文件。
local-neither-folder-nor-name-repo = “{ $repo }”既不是文件夹，也不是仓库名称。
local-disk-full-so-model-could = 磁盘已满，无法下载模型。
local-accept-its-terms-at-https = 请在 https://huggingface.co/{ $repo } 接受其条款，并将 HF_TOKEN 设置为该账户的令牌。
local-correct-local-model-or-local = 请更正 LOCAL_MODEL 或 LOCAL_TRANSFORMER，或设置 HF_TOKEN。
local-correct-local-model-or-local-2 = 请更正 LOCAL_MODEL 或 LOCAL_TRANSFORMER。
local-correct-local-model = 请更正 LOCAL_MODEL。
local-make-room-or-set-hf = 请腾出空间，或将 HF_HOME 设置到更大的磁盘。
local-loading-torch-diffusers = 正在加载 torch 和 diffusers。
local-looking-for = 正在查找 { $name }。
local-model-loaded-generates-its-first = 模型已加载，正在生成第一张小图。
local-downloading = 正在下载 { $name }。
local-loading = 正在加载{ $what }。
local-does-not-fit-model-in = { $value } 与 { $name } 中的模型不匹配：缺少 { $lacking } 个张量，例如 { $lacking2 }。
local-local-transformer-takes-file-with = LOCAL_TRANSFORMER 需要使用 diffusers 命名的文件。
local-memory-too-small-for-image = 内存不足以生成 { $size } × { $size2 } 的图像。
local-choose-smaller-size-or-local = 请选择更小的尺寸，或位数更少的 LOCAL_QUANT。
local-fits = { $name } 有 { $free_gb } GB 可用；模型在 bf16 下为 { $weights_gb } GB，{ $need } GB 即可（{ $how }）。
local-free-some-use-smaller-model = 请释放一些内存、使用更小的模型，或选择其他后端。
local-use-machine-with-gpu-smaller = 请使用带 GPU 的机器、更小的模型，或其他后端。
local-there-no-gpu-model-runs = 没有 GPU；大小为 { $size } 的模型在 CPU 上运行。
local-needs-gb = { $name } 有 { $free_gb } GB 可用；{ $weights_gb } GB 的模型至少需要 { $least_gb } GB。
local-needs-gb-ram = { $name } 有 { $free_gb } GB 可用，机器内存 { $ram } GB；{ $weights_gb } GB 的模型至少需要 { $least_gb } GB。
local-local-quant-gguf-needs-gguf = LOCAL_QUANT=gguf 需要 GGUF 文件。
local-weights-in-are-made-on = { $wanted } 权重需在 GPU 上生成，而此处每次只为一张图像借用 GPU。
local-weights-need-package-which-not = { $quant } 权重需要 { $extra } 包，但尚未安装。
local-does-not-compute-in-fp8 = { $name } 不支持 fp8 计算。
local-there-no-gpu-torch-can = 没有 torch 可用的 GPU，{ $weights_gb } GB 的模型在 CPU 上太慢。
local-local-quant-needs-gpu = LOCAL_QUANT={ $quant } 需要 GPU。
local-name-in-local-transformer = 请在 LOCAL_TRANSFORMER 中指定。
local-set-local-quant-bf16-which = 请设置 LOCAL_QUANT=bf16（可以容纳），或在 LOCAL_TRANSFORMER 中指定 GGUF 文件。
local-set-local-quant-auto = 请设置 LOCAL_QUANT=auto。
local-download-again-what-there-already = 请重新下载；已有的部分会保留。
local-model-loaded-when-first-image = 第一次请求图像时加载模型。
local-no-model-chosen-set-local = 未选择模型。请将 LOCAL_MODEL 设置为 diffusers 格式的文件夹，或仓库 ID，例如 Runware/flux.1-dev-SRPO。
local-flux-1-dev-srpo-weights = FLUX.1 [dev] 和 SRPO 的权重仅限非商业用途。请阅读其许可证（{ $licences }），如接受请设置 SRPO_ACCEPT_LICENSE=1。
local-local-transformer-names-which-does = LOCAL_TRANSFORMER 指定的 { $transformer } 不存在。
local-there-no-folder-correct-local = 没有文件夹 { $folder }。请更正 LOCAL_MODEL。
local-one-file-local-model-takes = { $name } 是单个文件，而 LOCAL_MODEL 需要 diffusers 格式的整个文件夹。单个 transformer 文件应放在 LOCAL_TRANSFORMER。
local-folder-has-no-model-index = 文件夹 { $folder } 没有 model_index.json，因此不是 diffusers 格式。请用 save_pretrained 转换，或指定其他文件夹。
local-folder-holds-backend-works-with = 文件夹 { $folder } 中是 { $get }；此后端只支持 FLUX 管线。
local-file-not-whole-its-own = 文件 { $name }/{ $name2 } 不完整：其文件头记录的大小不同。请重新下载。
local-choose-fewer-steps-or-smaller = 请减少步数或缩小尺寸、登录 Hugging Face 以获得更多时间，或继续使用 Miniature。
local-gpu-could-not-used-for = 无法为这张图像使用 GPU。
local-your-gpu-time-on-hugging = 您在 Hugging Face 的 GPU 时间暂时用完了。
local-image-needs-s-gpu-time = 这张图像需要 { $asked } 秒 GPU 时间，超过一次可请求的上限。
local-no-gpu-free-now = 现在没有空闲的 GPU。
local-waited-so-long-hugging-face = 等待太久，Hugging Face 已不知道是谁请求的。
local-image-took-longer-than-s = 图像用时超过了所请求的 { $asked } 秒 GPU 时间，因此被停止。
local-make-again-or-use-miniature = 请重新生成，或使用 Miniature。
local-your-gpu-time-on-hugging-2 = 您在 Hugging Face 的 GPU 时间暂时用完了：{ $need }。{ $duration }后会有更多。
local-hugging-face-does-not-know = Hugging Face 不知道这张图像应使用谁的 GPU 时间。
local-asked-for-again = 正在再次请求。
local-press-retry = 请点击“重试”。
local-choose-fewer-steps-or-smaller-2 = 请减少步数或缩小尺寸。
local-open-page-on-huggingface-co = 请在 huggingface.co 上打开页面并点击“重试”，或继续使用 Miniature。
local-gpu-was-taken-away-before = 图像完成之前 GPU 被收回。
local-make-again-with-fewer-steps = 请重新生成；减少步数或缩小尺寸会更快。
local-offline-demo-model-landscapes-only = 离线演示模型：仅风景，不是 FLUX.1 SRPO。
local-need-known = 这张图像需要 { $asked } 秒，剩余 { $left } 秒
local-need-unknown = 剩余时间不足以生成这张图像
local-wait-a-while = 请稍等一会儿。
local-idle-gpu = torch 无法使用 { $name }：请安装对应的 torch 版本。
local-nf4-fits = 设置 LOCAL_QUANT=nf4 即可容纳。
local-nf4-fits-with = 设置 LOCAL_QUANT=nf4 即可容纳：pip install { $package }
local-part-missing = 模型不完整：缺少 { $part }/{ $config }。
local-part-interrupted = 模型不完整：{ $part } 的下载被中断。
local-weights-missing = 模型不完整：缺少 { $part } 的权重。
local-weights-missing-named = 模型不完整：缺少 { $part } 的权重：{ $names }。
local-not-installed = 本地模型所需的包尚未安装（{ $names }）。请安装：pip install -r requirements-local.txt
local-install = 请安装：pip install { $extra }
local-miniature-again = 请从仓库重新获取文件夹 assets/miniature。
local-miniature-s-weights-are-another = Miniature 的权重与本程序的版本不符。
local-miniature-s-weights-are-damaged = Miniature 的权重已损坏：校验和不符。
local-miniature-s-weights-are-missing = 缺少 Miniature 的权重。
local-miniature-s-weights-could-not = 无法读取 Miniature 的权重。
