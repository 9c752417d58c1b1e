# The Compare tab.

compare-prompt-example = A red sailboat at sunset, { "{" }calm|stormy{ "}" } sea
compare-start-from = Start from an image
compare-no-source = Remove the source image
compare-columns = Columns
compare-columns-about = what to compare
compare-rows = Rows
compare-pages = Pages
compare-third = Pages within pages
compare-values-of = { $side }: values
compare-targets = Backend and model
compare-open-csv = Open a CSV file
compare-about-csv = The first line names the columns, each further line is an image.
compare-rest = Everything else
compare-rest-about = same for all
compare-drawn-once = drawn once
compare-each-own = each model’s own
compare-fresh = New set instead
compare-run = Run
compare-run-label = { $count ->
    [one] Run 1 image · { $price }
   *[other] Run { $counted } images · { $price }
}
compare-more-label = Make { $counted } more · { $price }
compare-save = Save the set
compare-images = { $count ->
    [one] 1 image
   *[other] { $counted } images
}
compare-values = { $count ->
    [one] 1 value
   *[other] { $counted } values
}
compare-size-time = { $size }, about { $duration }
compare-left = { $left } left today
compare-type = These are { $images }. Type { $count } to run them.
compare-not-typed = This set has { $images }, and the number was not typed in. Nothing was sent.
compare-mean-unknown = { $duration } · price not set
compare-total = { $done } of { $count }
compare-retry = Retry { $count } · { $price }
compare-retry-title = Make { $images } again?
compare-retry-text = Together they cost { $price }.
compare-ask-title = Make { $images }?
compare-ask-text = Made by { $names }, charged image by image.
compare-ask-unknown = The price of some of them is not set here.
compare-more-lines = { $count ->
    [one] and 1 more line
   *[other] and { $count } more lines
}
compare-ready = { $finished } of { $count }
compare-ready-paused = { $finished } of { $count } · paused
compare-ready-running = { $finished } of { $count } · running
compare-queued = Queued
compare-your-key = your key
compare-sandbox = sandbox
compare-no-prompt = Write a prompt first.
compare-no-target = Choose at least one backend.
compare-nothing-new = Every image of this is there already.
compare-nearby = Nearby seeds: each image begins with noise of its own.
compare-blend = Blends of the noise: that of this image's seed, moved towards the noise of other seeds.
compare-no-blend = The noise of this image cannot be blended: its backend does not offer that.
compare-try-seeds = Choose nearby seeds instead.
compare-strip = Strength strip: the image itself as the source, moved further with each strength.
compare-new-seeds = The same set with seeds that were never used. Look at the price, then run it.
compare-extending = Add values or backends: only what is missing is made and paid for.
compare-no-strength = No backend that is ready here offers image to image with a strength.
compare-no-setting = None of these backends has a setting called “{ $name }”.
compare-another = Choose another one.
compare-empty-list = The list is empty.
compare-empty-list-advice = Its first line names the columns, such as prompt and guidance.
compare-no-lines = The list names no image.
compare-no-lines-advice = Add a line below the first one.
compare-hint-range = from { $low } to { $high }: 1, 3.5, 5 or 1–6 in 6 steps
compare-hint-toggle = yes, no
compare-hint-seed = 7, +1, +2 or random 4
compare-hint-variation-seed = 7, +1, +2 or random 4
compare-hint-prompt = sunset => dawn, noon

compare-set = Set
compare-title = Title of the set
compare-ways = How to look
compare-grid = Grid
compare-side = Side by side
compare-slider = Slider
compare-blind = Blind test
compare-sheet = Contact sheet
compare-zip = Zip
compare-more = More
compare-sets = Earlier sets
compare-pause = Pause
compare-go-on = Go on
compare-cancel = Cancel what waits
compare-extend = Extend
compare-again = Run again with new seeds
compare-page-zip = Page that opens from a folder
compare-table-csv = Table as CSV
compare-all-json = Everything as JSON
compare-picks-csv = Picks as CSV
compare-file-names = File names in the zip
compare-delete = Delete the set
compare-pages-of = Pages

vary-title = Variations of this image
vary-strength = Strength strip
vary-seeds = Nearby seeds
vary-blend = Blends of the noise
vary-about-seeds = The next four numbers. Each is new noise: the images share the request, not the layout.
vary-about-strength = The image becomes the source of five others, which move further and further from it.
vary-about-blend = Its noise is moved a little towards that of other seeds: the layout stays, details change. Only where the miniature or the local model made the image.
vary-first = The Compare tab shows what it makes and costs before anything is made.
set-state-waiting = waiting
set-state-sending = sending
set-state-running = running
set-state-finished = finished
set-state-failed = failed
set-state-cancelled = cancelled
set-state-unknown = unknown
