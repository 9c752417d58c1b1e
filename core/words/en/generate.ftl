# The form of the two tabs that make images, and what is asked before they do.

generate = Generate
generate-label = { $count ->
    [one] Generate · { $price }
   *[other] Generate { $count } images · { $price }
}
generate-label-lent = { $count ->
    [one] Generate · asks for { $seconds } s of your GPU time
   *[other] Generate { $count } images · asks for { $seconds } s of your GPU time
}
generate-each = about { $duration } each
prompt-example = A white boat on a teal sea at sunset, snowy mountains
prompt-ideas = Ideas
prompt-history = History
prompt-styles = Styles
prompt-chips = Prompts it knows
prompt-examples = Example prompts
prompt-earlier = Earlier prompts
prompt-complete = Suggest them while I type in the prompt
prompt-search = Search
prompt-none = Prompts that you generate with are listed here.
style-about = Words that are put before and after the prompt. They are kept in this browser.
style-none = No style yet: name one below.
style-named = Name of the style
style-name = Name
style-before = Before the prompt
style-after = After the prompt
style-keep = Keep style
style-open = Open styles.csv
styles-added = { $count ->
    [one] One style was added.
   *[other] { $count } styles were added.
}
styles-negative = { $count ->
    [one] One has a negative prompt, which no backend here reads; it was left out.
   *[other] { $count } have negative prompts, which no backend here reads; they were left out.
}
styles-more-lines = { $count ->
    [one] One more line gives no style.
   *[other] { $count } more lines give no style.
}

form-backend = Backend
form-images = Images
form-fewer = Fewer images
form-more = More images
form-size = Size
form-custom = Custom
form-keep-ratio = Keep ratio
form-swap = Swap
form-random = Random
form-new-seed = New seed
form-reuse = Reuse last
form-advanced = Advanced
form-variation = Variation
form-counted = Runs { $run } of { $steps } steps.

source-image = Source image
source-size = { $width } × { $height }.
source-kept-size = The result has this size.
source-result = The result will be { $width } × { $height }.
source-small = { $backend } is made for images from { $least } pixels a side; this one has fewer.
source-gone = The image it started from is not kept here; add it again.

stage-empty = Your image appears here.

link-unknown-task = The link names the task “{ $name }”; here there is { $known }.
link-unknown-backend = The link names the backend “{ $name }”; here there is { $known }.
link-filled = The link filled this form. Nothing was started.
link-filled-in-part = The link filled this form as far as it could. { $wrong }

restore-title = Use these settings?
restore-ours = Written by this playground.
restore-theirs = Written by { $program }.
restore-dropped = Not used here
restore-not-legal = this backend does not take it
restore-no-setting = no such setting here
restore-filled = Filled in: { $names }.
restore-filled-nothing = Nothing was filled in.
restore-no-settings = No generation settings found in this file.
other-backend = { $backend } takes no images: see the backend and its price below.

file-title = What is this image for?
file-source = Use as source
file-read = Read its settings

no-such-backend = This tab has no such backend.
choose-backend = Choose one from the menu.

not-asked = This costs { $price }, and the page did not ask you about that. Nothing was sent.
click-again = Click again; the page will ask.
asked-count = Images
asked-price = Price
asked-left = Left of the budget for today
ask-title = { $count ->
    [one] Make this image?
   *[other] Make { $count } images?
}
ask-text = { $backend } charges for each image it makes.
ask-text-unknown = The price of { $backend } is not set here; it charges what it charges.
ask-yes = { $count ->
    [one] Make it
   *[other] Make { $count } images
}
ask-yes-price = { $count ->
    [one] Make it · { $price }
   *[other] Make { $count } images · { $price }
}

code-title = This form as a program
code-seed = The form asks for a new seed; { $seed } was drawn for these programs.
code-source = Save the source image as { $file } beside the program
form-collection = Collection (optional)
form-collection-about = New images go into it. Type a title for a new one; empty for none.
