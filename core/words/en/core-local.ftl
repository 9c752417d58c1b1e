# Sentences of local, kept in English and told again on the page.

local-loading-begins = Loading begins.
local-model-could-not-loaded-log = The model could not be loaded: { $name }. The log has more.
local-local-model-not-ready = The local model is not ready.
local-local-model-failed = The local model failed: { $name }.
local-log-has-more-try-other = The log has more; try other settings.
local-repo-could-not-reached-not = The repo { $repo } could not be reached, and it is not in the cache.
local-check-network-or-set-local = Check the network, or set LOCAL_MODEL to a folder.
local-repo-gated = The repo { $repo } is gated.
local-there-no-repo-or-private = There is no repo { $repo }, or it is private.
local-repo-does-not-have-named = The repo { $repo } does not have the named revision or file.
local-neither-folder-nor-name-repo = “{ $repo }” is neither a folder nor the name of a repo.
local-disk-full-so-model-could = The disk is full, so the model could not be downloaded.
local-accept-its-terms-at-https = Accept its terms at https://huggingface.co/{ $repo } and set HF_TOKEN to a token of that account.
local-correct-local-model-or-local = Correct LOCAL_MODEL or LOCAL_TRANSFORMER, or set HF_TOKEN.
local-correct-local-model-or-local-2 = Correct LOCAL_MODEL or LOCAL_TRANSFORMER.
local-correct-local-model = Correct LOCAL_MODEL.
local-make-room-or-set-hf = Make room, or set HF_HOME to a larger disk.
local-loading-torch-diffusers = Loading torch and diffusers.
local-looking-for = Looking for { $name }.
local-model-loaded-generates-its-first = The model is loaded and generates its first small image.
local-downloading = Downloading { $name }.
local-loading = Loading { $what }.
local-does-not-fit-model-in = { $value } does not fit the model in { $name }: it lacks { $lacking } tensors, such as { $lacking2 }.
local-local-transformer-takes-file-with = LOCAL_TRANSFORMER takes a file with the names diffusers uses.
local-memory-too-small-for-image = The memory is too small for an image of { $size } × { $size2 }.
local-choose-smaller-size-or-local = Choose a smaller size, or LOCAL_QUANT with fewer bits.
local-fits = { $name } has { $free_gb } GB free; the model is { $weights_gb } GB in bf16, and { $need } GB are enough with { $how }.
local-free-some-use-smaller-model = Free some of it, use a smaller model, or choose one of the other backends.
local-use-machine-with-gpu-smaller = Use a machine with a GPU, a smaller model, or one of the other backends.
local-there-no-gpu-model-runs = There is no GPU; a model of { $size } runs on the CPU.
local-needs-gb = { $name } has { $free_gb } GB free; a model of { $weights_gb } GB needs at least { $least_gb } GB.
local-needs-gb-ram = { $name } has { $free_gb } GB free and the machine { $ram } GB of memory; a model of { $weights_gb } GB needs at least { $least_gb } GB.
local-local-quant-gguf-needs-gguf = LOCAL_QUANT=gguf needs a GGUF file.
local-weights-in-are-made-on = Weights in { $wanted } are made on a GPU, and here one is lent for an image at a time.
local-weights-need-package-which-not = { $quant } weights need the package { $extra }, which is not installed.
local-does-not-compute-in-fp8 = { $name } does not compute in fp8.
local-there-no-gpu-torch-can = There is no GPU that torch can use, and a model of { $weights_gb } GB is too slow on a CPU.
local-local-quant-needs-gpu = LOCAL_QUANT={ $quant } needs a GPU.
local-name-in-local-transformer = Name it in LOCAL_TRANSFORMER.
local-set-local-quant-bf16-which = Set LOCAL_QUANT=bf16, which fits, or name a GGUF file in LOCAL_TRANSFORMER.
local-set-local-quant-auto = Set LOCAL_QUANT=auto.
local-download-again-what-there-already = Download it again; what is there already is kept.
local-model-loaded-when-first-image = The model is loaded when the first image is asked for.
local-no-model-chosen-set-local = No model is chosen. Set LOCAL_MODEL to a folder in diffusers layout or to a repo id such as Runware/flux.1-dev-SRPO.
local-flux-1-dev-srpo-weights = FLUX.1 [dev] and SRPO weights are for non-commercial use only. Read their licences ({ $licences }) and set SRPO_ACCEPT_LICENSE=1 if you accept them.
local-local-transformer-names-which-does = LOCAL_TRANSFORMER names { $transformer }, which does not exist.
local-there-no-folder-correct-local = There is no folder { $folder }. Correct LOCAL_MODEL.
local-one-file-local-model-takes = { $name } is one file, and LOCAL_MODEL takes a whole folder in diffusers layout. A single transformer file belongs into LOCAL_TRANSFORMER.
local-folder-has-no-model-index = The folder { $folder } has no model_index.json, so it is not in diffusers layout. Convert it with save_pretrained, or name another folder.
local-folder-holds-backend-works-with = The folder { $folder } holds a { $get }; this backend works with FLUX pipelines only.
local-file-not-whole-its-own = The file { $name }/{ $name2 } is not whole: its own header tells of another size. Download it again.
local-choose-fewer-steps-or-smaller = Choose fewer steps or a smaller size, sign in to Hugging Face for more time, or go on with the miniature.
local-gpu-could-not-used-for = The GPU could not be used for this image.
local-your-gpu-time-on-hugging = Your GPU time on Hugging Face is used up for now.
local-image-needs-s-gpu-time = This image needs { $asked } s of GPU time, more than may be asked for at once.
local-no-gpu-free-now = No GPU is free now.
local-waited-so-long-hugging-face = It waited so long that Hugging Face no longer knows who asked.
local-image-took-longer-than-s = The image took longer than the { $asked } s of GPU time it asked for, and was stopped.
local-make-again-or-use-miniature = Make it again, or use the miniature.
local-your-gpu-time-on-hugging-2 = Your GPU time on Hugging Face is used up for now: { $need }. More is there in { $duration }.
local-hugging-face-does-not-know = Hugging Face does not know whose GPU time this image should take.
local-asked-for-again = It is asked for again.
local-press-retry = Press Retry.
local-choose-fewer-steps-or-smaller-2 = Choose fewer steps or a smaller size.
local-open-page-on-huggingface-co = Open the page on huggingface.co and press Retry, or go on with the miniature.
local-gpu-was-taken-away-before = The GPU was taken away before the image was done.
local-make-again-with-fewer-steps = Make it again; with fewer steps or a smaller size it is quicker.
local-offline-demo-model-landscapes-only = Offline demo model: landscapes only, not FLUX.1 SRPO.
local-need-known = this image needs { $asked } s and { $left } s are left
local-need-unknown = too little is left for this image
local-wait-a-while = Wait a while.
local-idle-gpu = torch cannot use { $name }: install the torch build for it.
local-nf4-fits = With LOCAL_QUANT=nf4 it fits.
local-nf4-fits-with = With LOCAL_QUANT=nf4 it fits: pip install { $package }
local-part-missing = The model is not whole: { $part }/{ $config } is missing.
local-part-interrupted = The model is not whole: a download into { $part } was interrupted.
local-weights-missing = The model is not whole: weights of { $part } are missing.
local-weights-missing-named = The model is not whole: weights of { $part } are missing: { $names }.
local-not-installed = The packages for a local model are not installed ({ $names }). Install them with: pip install -r requirements-local.txt
local-install = Install it with: pip install { $extra }
local-miniature-again = Get the folder assets/miniature again from the repository.
local-miniature-s-weights-are-another = The miniature's weights are of another version than this program.
local-miniature-s-weights-are-damaged = The miniature's weights are damaged: their checksum differs.
local-miniature-s-weights-are-missing = The miniature's weights are missing.
local-miniature-s-weights-could-not = The miniature's weights could not be read.
