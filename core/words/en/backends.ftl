# The Backends tab, and what is said of a backend where it is chosen.

backends-title = Backends
backend-own = { $backend } · your key
backend-closed = { $backend } · closed
backend-sandbox = { $backend } · sandbox
backend-not-ready = { $backend } · not ready
backend-about-own = It works with your own key: images are charged to your account at { $backend }.
backend-about-loading = { $stage }. What is asked of it now is made as soon as it is ready; until then the miniature is there.
backend-about-sandbox = Demo mode without an API key: images are not from SRPO. Set { $setting }, or enter a key of your own below, to use the real service.
backend-price-each = { $price } an image
backend-at-once = { $tasks } · { $price } · { $most } at once
backend-tasks-both = Text to image, image to image
backends-locked = Strangers can reach this playground and SRPO_BUDGET_DAY_USD is not set, so nobody can use { $backends } here. Set it to what may be spent in a day, or set SRPO_PUBLIC_SPENDING=1 to let visitors spend your money without a budget.
backends-resume = Resume
backends-load-again = Load again

badge-ready = Ready
badge-own = Your key
badge-closed = Closed
badge-stopped = Stopped
badge-not-ready = Not ready
badge-sandbox = Sandbox

stage-loading = Loading
stage-loading-share = Loading · { $percent } %
stage-warming = Warming
stage-ready = Ready
stage-error = Error
stage-not-installed = Not installed
stage-not-loaded = Not loaded
stage-licence = Licence not accepted
stage-no-model = No model

own-keys-title = A key of your own
own-keys = Enter a key of your own, and the service makes your images with it, at its price, on your account. The key stays in this server's memory: it is never written down, it is used for your jobs only, and it is forgotten after 12 hours without use, when the server restarts, or with Forget. Whoever runs this server could read it, so enter it only where you trust them.
own-key-of = { $service } key
own-key-use = Use this key
own-key-use-of = Use this key: { $service }
own-key-forget = Forget
own-key-forget-of = Forget the { $service } key
own-key-with = With your own key
own-key-unsure = The key is in use. { $reason }
own-key-works = This key works.
own-key-works-left = This key works, { $balance } left.
own-key-resumed = { $count ->
    [one] 1 image that needed it goes on.
   *[other] { $count } images that needed it go on.
}
own-key-others = { $count ->
    [one] 1 image still needs the key that was used before: enter that one to get them.
   *[other] { $count } images still need the key that was used before: enter that one to get them.
}
own-key-in-use = Your key is in use.
own-key-in-use-left = Your key is in use, { $balance } left.
own-key-forgotten = Your key is forgotten.
own-key-forgotten-later = { $count ->
    [one] Your key is forgotten as soon as 1 image that is being made with it is here. Nothing new is sent with it.
   *[other] Your key is forgotten as soon as { $count } images that are being made with it are here. Nothing new is sent with it.
}

programs = From a program
token-title = Token for scripts
token-copy = Copy the token
token-renew = Renew the token
token-issue = Make a token
token-paste = your token
token-renewed = The old token opens nothing any more. Put the new one into your scripts.
snippet-mcp = MCP: settings of an assistant
snippet-copy = Copy: { $title }

scripts-browser = A script that sends this is you: it sees your images and adds to them. Keep it like a password, and renew it when somebody else may have it; your images stay yours.
scripts-local = Scripts on this machine need no token: they are you. A script on another machine that sends this token has images of its own.
scripts-user = Scripts sign in as you do, with your user name and password.
scripts-account = A script that sends your token is you. Make one and copy it: it is shown once.
scripts-issued = Your scripts send the token you made; it is not shown again. Renew it when you no longer have it, or when somebody else may; the old one then opens nothing.
scripts-once = Copy it now: it is not shown again. A script that sends it is you, so keep it like a password. An earlier token opens nothing any more.
scripts-stranger = Reload the page to get a token.

space-for-the-owner = For whoever runs this Space: it works as it is, and this can be added
space-storage = Storage: attach a bucket to the Space at /data and set the variable SRPO_DATA_DIR=/data. Without it, images and their history are gone when the Space sleeps or restarts.
space-sign-in = Sign in with Hugging Face: put “hf_oauth: true” into the first lines of README.md. Visitors then keep their images on every device, and you can name admins in SRPO_ADMINS.
space-budget = A budget: set the variable SRPO_BUDGET_DAY_USD to what visitors may spend of your money in a day. Until then they cannot spend any.
space-licence = SRPO itself: read the licences of FLUX.1 [dev] and SRPO, which are for non-commercial use, and set the variable SRPO_ACCEPT_LICENSE=1 if you accept them.
space-model = A model on the Space's own GPU: set the variable LOCAL_MODEL, such as to Runware/flux.1-dev-SRPO, on ZeroGPU or a GPU of your own.
space-key-for = { $setting } for { $backend }
space-keys = Services: set a secret with your key, { $keys }. Until then a sandbox stands in, and visitors can enter keys of their own.
