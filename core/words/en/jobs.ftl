# How jobs stand, what can be done with them, and what it cost.

job-needs-key = Needs your key · enter the same key again on the Backends tab
job-lost = The answer was lost; looking for it in the service's list
job-sending = Sending
job-pending = Still pending · { $reason }
job-loading = Loading the model
job-loading-share = Loading the model · { $percent } %
job-borrowing = Waiting for a GPU
job-step = Generating · step { $step } of { $total }
job-ahead = In the service's queue · place { $place }
job-generating = Generating
job-done = Done
job-cancelled = Cancelled · nothing was spent
job-failed = Failed
job-unknown = Unconfirmed
job-stopped = Waiting until it is resumed
job-waiting = Waiting
job-waiting-because = Waiting · { $reason }
job-waiting-behind = Waiting · { $ahead } before it

tile-paused = Paused
tile-queued = Queued
tile-queued-at = { ORDINAL($place) ->
    [one] Queued { $place }st
    [two] Queued { $place }nd
    [few] Queued { $place }rd
   *[other] Queued { $place }th
}
tile-failed = Failed
tile-doubt = In doubt

queue = Queue
queue-hint = Open the queue of both tabs
queue-trouble = { $state }. { $reason }
queue-empty = Nothing runs or waits.
queue-running = { $count } running
queue-waiting = { $count } queued
queue-more = and { $count } more
cancel-all = Cancel all
tell-when-done = Tell me when all are done
jobs = Jobs
troubles = What needs you

action-resume = Resume
action-earlier = Move up
action-later = Move down
action-hide = Dismiss
action-retry = Retry
action-again = Send again
action-dismiss = Dismiss
action-adopt = It is this one
action-look = Look again
action-fetch = Fetch again, free
action-instead = Make it without GPU time
action-adopt-named = It is { $id }
again-costs = The first one may have been charged. Sending it again costs { $price }, so it may cost twice. Send it again?
retry-costs = Making it again costs { $price }. Go on?

clock-late = { $passed } · longer than usual
clock-of = { $passed } of about { $expected }

maybe-charged = It may have been charged.
was-charged = It was charged.
not-charged = Nothing was charged.

cancel-title = Cancel { $count } images?
cancel-yes = Cancel { $count } images
cancel-keep = Keep them
cancel-nothing-spent = Nothing is spent on them then.
cancel-begun = { $count ->
    [one] 1 has begun: what is paid for is kept and will land in the history.
   *[other] { $count } have begun: what is paid for is kept and will land in the history.
}
cancel-free = { $count ->
    [one] 1 has not begun and costs nothing.
   *[other] { $count } have not begun and cost nothing.
}
cancelled-all = { $count ->
    [one] 1 image cancelled. Nothing was spent.
   *[other] { $count } images cancelled. Nothing was spent.
}
cancelled-some = { $count ->
    [one] 1 image cancelled, which costs nothing.
   *[other] { $count } images cancelled, which cost nothing.
}
cancelled-paid = { $count ->
    [one] 1 is paid for already and will land in the history.
   *[other] { $count } are paid for already and will land in the history.
}
cancelled-sending = { $count ->
    [one] 1 is being sent at this moment: if the service takes it, it is paid for and will land in the history.
   *[other] { $count } are being sent at this moment: if the service takes them, they are paid for and will land in the history.
}
cancelled-not = { $count } could not be stopped.
cancelled-ended = { $count } had ended already.
cancelled-nothing = Nothing was under way any more.
cancelled-one = Cancelled. Nothing was spent.
cancelled-one-sending = It is being sent at this moment. If the service takes it, it is paid for and will land in the history.
cancelled-one-paid = Already paid for: it will land in the history.
cancelled-one-not = It could not be stopped.
cancelled-one-ended = It had ended already.

queue-stopped = Paused, so that not every job fails alike. { $reason }
resumed-by-operator = Whoever runs this playground can resume it.
resumed-by = It can be resumed by: { $names }.
not-yours = Only whoever runs this playground can resume its queues.
