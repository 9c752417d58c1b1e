# What stands around the tabs, signing in and out, and what the server itself says.

page-title = FLUX.1 SRPO Playground
page-wordmark = FLUX.1 SRPO
page-tagline = Write a prompt, watch it become an image, keep everything it takes to make it again.
page-language = Language
page-footer = Images are made by an AI model. FLUX.1 [dev] and SRPO weights are for non-commercial use; hosted services have their own terms.
page-closed = Images that were made can be seen in the history; nothing new is made until then.
page-fleeting = This Space has no storage attached: images live until it sleeps or restarts. “Download all” on the History tab saves them, each with its settings.

tab-text-to-image = Text to image
tab-image-to-image = Image to image
tab-compare = Compare
tab-history = History
tab-spending = Spending
tab-backends = Backends

# How texts are put together.
sentence-break = { " " }
list-break = { ", " }
list-and = { " and " }

today-spent = Today { $spent }
today-spent-of = Today { $spent } of { $budget }
today-about = Spent, reserved or in doubt since midnight UTC

undo = Undo
cancel = Cancel
close = Close
copy = Copy
copied = Copied
not-now = Not now
yes = yes
no = no
duration-minutes = { $minutes } min { $seconds } s
duration-seconds = { $seconds } s

price-unknown = price not set
images-counted = { $count ->
    [one] 1 image
   *[other] { $count } images
}
price-free = free

old-page = This page is older than the program it talks to.
reload = Reload the page and try again.
unreadable-caller = The header X-SRPO-Token holds no token of this playground.
how-to-say-who = Copy a token from the Backends tab of the page and send it in the header X-SRPO-Token.
expired-download = This download has expired. Choose the images again and export them anew.
no-owner = This request does not say whose jobs and images it asks for.
not-understood = This request cannot be understood: see the API's description on the page.
no-login-form = This is not a form with a user name and a password.
too-few-values = Values are missing: { $came } of { $wanted } came.
unknown-host = This server does not answer to the name “{ $name }”. Whoever runs it can allow the name with the setting SRPO_HOSTS.
too-many-files = At most { $most } files are taken at once. Upload fewer and try again.
upload-limit = At most { $files } files and { $megabytes } MB can be uploaded in an hour here.
upload-larger = This one is larger than that.
upload-wait = The next upload is possible in { $minutes } minutes.
too-many-tries-seconds = Too many wrong passwords. Try again in { $seconds } seconds.
too-many-tries-minutes = Too many wrong passwords. Try again in { $minutes } minutes.
for-mcp-clients = This address is for MCP clients. The Backends tab of the page shows what to put into their settings.

sign-in = Sign in to make images. After five wrong passwords the next try has to wait, at first half a minute, then longer.
sign-in-with-hub = Sign in with Hugging Face
not-signed-in = Hugging Face did not sign you in. Nothing was changed; try again in a while.
no-cookie = Your browser does not keep the cookie that signing in needs, as some do not inside a page of another site. Open the playground in a tab of its own and sign in there.
sign-out = Sign out
sign-out-of = Sign out ({ $name })
sign-out-here = Nobody was signed out. Follow this link if you want to:
back = Back to the playground
own-tab = Open the playground in a tab of its own
take-along = { $count ->
    [one] Before you signed in, this browser { $made }. Take it along?
   *[other] Before you signed in, this browser { $made }. Take them along?
}
take-images = { $count ->
    [one] made 1 image
   *[other] made { $count } images
}
take-jobs = { $count ->
    [one] has 1 job under way
   *[other] has { $count } jobs under way
}
take-yes = Take along
