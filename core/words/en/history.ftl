# The History tab.

history-choose = Choose an image to see how it was made.
history-take-away = Download all
history-use-all = Use all settings
history-send = Send to image-to-image
history-restore = Restore settings from a file
history-preparing = Preparing search: { $done } of { $total }
history-preparing-share = Preparing search: { $share } %
history-describing = { $count ->
    [one] Describing colours: 1 image to go
   *[other] Describing colours: { $images } images to go
}
history-describing-some = Describing colours
