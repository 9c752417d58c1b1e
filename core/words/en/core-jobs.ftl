# Sentences of jobs, kept in English and told again on the page.

jobs-you-dismissed-may-have-been = You dismissed it; it may have been charged.
jobs-cannot-decided-about-job-as = This cannot be decided about the job as it stands now.
jobs-you-sent-again-as-new = You sent it again as a new job.
jobs-image-cannot-fetched-again-its = This image cannot be fetched again: its service gives it only once.
jobs-only-job-waits-can-change = Only a job that waits can change its place.
jobs-look-at-list-jobs = Look at the list of jobs.
jobs-none-jobs-may = This is none of the jobs it may be.
jobs-look-at-your-account-at = Look at your account at { $label } before you make it again.
jobs-job-ended-without-image-because = The job ended without an image because of a fault in this program.
jobs-job-was-resumed-times-ended = This job was resumed { $most_tries } times and ended in a fault of this program each time, so it is left alone now.
jobs-look-at-log-job-in = Look at the log; the job is in the list with its request id.
jobs-update-program-then-fetch-again = Update the program, then fetch it again; that costs nothing.
jobs-program-ended-after-was-sent = The program ended after this was sent and before the service answered.
jobs-service-s-list-has-what = The service's list has what may be it: say whether it is yours.
jobs-image-in-service-s-list = The image in the service's list has another size.
jobs-service-s-list-does-not = The service's list does not have it.
jobs-looked-up-at-service = It is looked up at the service.
jobs-service-has-no-way-back = The service has no way back to this job.
jobs-nothing-was-sent = { $what } and { $left }. Nothing was sent.
jobs-wait-for-tomorrow-utc-or = Wait for tomorrow (UTC) or ask the owner of this playground to raise the budget.
jobs-price-not-set-so-cannot = The price of { $label } is not set, so it cannot be counted against the budget. Nothing was sent.
jobs-one-click-may-cost-nothing = { $what } and one click may cost { $batch_usd }. Nothing was sent.
jobs-whoever-runs-playground-can-set = Whoever runs this playground can set it; another backend has a price.
jobs-ask-for-fewer-images-at = Ask for fewer images at once.
jobs-costs-you-allow-at-most = This costs { $total } and you allow at most { $most }. Nothing was sent.
jobs-click-again-if-you-agree = Click again if you agree.
jobs-you-allow-at-most-not = You allow at most { $most }, and it is not known what this costs. Nothing was sent.
jobs-raise-max-price-usd-or = Raise max_price_usd, or use a backend that costs less.
jobs-leave-max-price-usd-out = Leave max_price_usd out, or use a backend whose price is known.
jobs-says-only-with-first-image = { $label } says only with the first image whether it takes a key.
jobs-does-not-accept-key-so = { $label } does not accept this key, so it is not kept.
jobs-copy-again-from-service-s = Copy it again from the service's page.
jobs-there-no-such-job = There is no such job.
jobs-job-has-moved-on-meanwhile = This job has moved on meanwhile.
jobs-click-asks-for-nothing-was = { $limit }, and this click asks for { $images }. Nothing was sent.
jobs-wait-until-then-or-use = Wait until then, or use a backend that is free.
jobs-closed-visitors-whoever-runs-playground = { $label } is closed to visitors: whoever runs this playground pays for its images and has set no budget.
jobs-one-click-makes-1-images = One click makes 1 to { $images_per_click } images.
jobs-set-makes-at-most-here = A set makes at most { $images } here, and this one would make { $images2 }. Nothing was sent.
jobs-choose-another-backend-or-enter = Choose another backend, or enter a key of your own on the Backends tab.
jobs-choose-number-between-them = Choose a number between them.
jobs-take-values-away = Take values away.
jobs-next-possible-as-soon-as = The next is possible as soon as one of them begins or is cancelled.
jobs-may-have-been-charged-look = It may have been charged. Look at your account before you make it again.
jobs-program-ended-before-image-was = The program ended before this image was here, and its service gives it only once.
jobs-was-charged-look-at-your = It was charged. Look at your account before you make it again.
jobs-needs-your-key = This needs your key.
jobs-enter-same-key-again-on = Enter the same key again on the Backends tab; then it goes on.
jobs-does-not-offer-task-job = { $label } does not offer the task of this job any more.
jobs-backend-delivered-file-not-whole = The backend delivered a file that is not a whole image.
jobs-try-again-if-stays-so = Try again; if it stays so, tell whoever runs the backend.
jobs-enter-another-key-on-backends = Enter another key on the Backends tab.
jobs-no-key-can-entered-for = No key can be entered for this backend.
jobs-key-kept-for-somebody-who = A key is kept for somebody who can be known again.
jobs-cannot-key-key-has-12 = This cannot be a key: a key has 12 to 200 letters, digits and signs, without spaces.
jobs-playground-holds-as-many-keys = This playground holds as many keys as it can.
jobs-reload-page-or-sign-in = Reload the page, or sign in, then enter it again.
jobs-try-again-later = Try again later.
jobs-images = { $count ->
    [one] { $count } image
   *[other] { $count } images
}
jobs-images-paid = { $count ->
    [one] { $count } paid image
   *[other] { $count } paid images
}
jobs-waiting-stranger = { $waiting ->
    [one] Without a token, each network address can have { $images } waiting here, and { $waiting } waits now. Nothing was sent.
   *[other] Without a token, each network address can have { $images } waiting here, and { $waiting } wait now. Nothing was sent.
}
jobs-waiting-visitor = { $waiting ->
    [one] Each visitor can have { $images } waiting here, and { $waiting } waits now. Nothing was sent.
   *[other] Each visitor can have { $images } waiting here, and { $waiting } wait now. Nothing was sent.
}
jobs-hour-you = You can ask for { $images } an hour here
jobs-hour-address = Your network address can ask for { $images } an hour here
jobs-next-possible = { $count ->
    [one] { $limit }; the next is possible at { $time } (UTC), in { $minutes }. Nothing was sent.
   *[other] { $limit }; the next { $count } are possible at { $time } (UTC), in { $minutes }. Nothing was sent.
}
jobs-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
jobs-image-costs = This image costs { $price }
jobs-images-cost = These { $count } images cost { $price }
jobs-budget-all = today's budget is { $limit }, of which { $spent } is spent or reserved
jobs-budget-own = your budget for today is { $limit }, of which { $spent } is spent or reserved
jobs-budget-less = less than that is left of today's budget
jobs-not-agreed-unknown = This has a price that is not set now, and that was not agreed to. Nothing was sent.
jobs-not-agreed-costs = This costs { $price } now, and that was not agreed to. Nothing was sent.
jobs-not-agreed-free = This is free now, and that was not agreed to. Nothing was sent.
jobs-key-unknown = Whether it works is not known yet: { $reason }
jobs-moved = This job has left for another installation.
jobs-moved-where = It goes on there, once the folder { $folder } is imported with --with-jobs; to have it back, import the folder here.
