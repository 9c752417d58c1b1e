# The History tab: its grid, its filters, its selection, its views.

gallery-search = Search
gallery-search-hint = Words, "a phrase", begin* and -without; searches prompts, titles and notes
gallery-starred-only = Starred only
gallery-more = More
gallery-grid = Images
gallery-empty = Nothing here yet. Every image you make is kept in this place.
gallery-no-match = No image matches this search.
gallery-no-trash = The trash is empty.
gallery-no-collected = This collection is empty. Select images and choose Collect.
gallery-gone = No longer in the history
gallery-lost = The file is gone
gallery-unread = Image
gallery-count = { $count ->
    [one] 1 image
   *[other] { $count } images
}
gallery-offline = The server does not answer. Check the connection and try again.
gallery-expired = This page may no longer ask for images. Reload it.
gallery-unknown = The page asks for something that this server does not offer. Reload it.
gallery-too-many = More than { $most } images were named at once.
gallery-undo = Undo
gallery-close = Close
gallery-cancel = Cancel
gallery-deleted = { $count ->
    [one] The image is in the trash.
   *[other] { $count } images are in the trash.
}
gallery-restored = { $count ->
    [one] The image is back in the history.
   *[other] { $count } images are back in the history.
}
gallery-all = All images
gallery-views = What is shown
gallery-any = Any
gallery-filters = Filters
gallery-sort = Order
gallery-sort-newest = Newest first
gallery-sort-oldest = Oldest first
gallery-sort-dearest = Highest price
gallery-sort-cheapest = Lowest price
gallery-sort-random = Random
gallery-sort-alike = Most alike
gallery-backend = Backend
gallery-model = Model
gallery-task = Task
gallery-shape = Shape
gallery-square = Square
gallery-landscape = Landscape
gallery-portrait = Portrait
gallery-tag = Tag
gallery-seed = Seed
gallery-since = From
gallery-until = To
gallery-min-price = Price from, $
gallery-max-price = Price to, $
gallery-colour = Images in this colour
gallery-own-colour = Another colour
gallery-flagged-only = Flagged by a safety check only
gallery-filter-name = Name of the filter
gallery-filter-save = Save filter
gallery-filter-delete = Delete the filter “{ $title }”
gallery-clear = Clear all
gallery-show = Show
gallery-chips = Active filters
gallery-chip-remove = Remove: { $name }
gallery-chip = { $name }: { $value }
gallery-chip-query = “{ $value }”
gallery-chip-starred = Starred
gallery-chip-flagged = Flagged
gallery-chip-sandbox = Sandbox
gallery-chip-colour = Colour { $value }
gallery-chip-like = More like one image
gallery-chip-set = One set
gallery-chip-source = Same source
gallery-chip-parent = Made from one image
gallery-chip-size = Size
gallery-selection = Selected images
gallery-select = Select
gallery-selected = { $count ->
    [one] 1 selected
   *[other] { $count } selected
}
gallery-select-all = { $count ->
    [one] Select it
   *[other] Select all { $count }
}
gallery-select-none = Clear the selection
gallery-star = Star
gallery-unstar = Unstar
gallery-collect = Collect
gallery-take-out = Take out
gallery-tag-them = Tag
gallery-tag-name = Tag
gallery-tag-add = Add tag
gallery-tag-remove = Remove tag
gallery-download = Download
gallery-delete = Delete
gallery-restore = Restore
gallery-erase = Delete for good
gallery-erase-ask = { $count ->
    [one] Delete this image for good?
   *[other] Delete { $count } images for good?
}
gallery-erase-text = Their files are removed from the disk. This cannot be undone.
gallery-erase-no = Keep them
gallery-erased = { $count ->
    [one] The image is gone for good.
   *[other] { $count } images are gone for good.
}
gallery-empty-trash = Empty the trash
gallery-trash = Trash
gallery-trash-days = Deleted images stay here for { $count } days.
gallery-collection-new = New collection
gallery-collection-name = Name of the collection
gallery-collection-add = Create
gallery-collection-rename = Rename “{ $title }”
gallery-collection-delete = Delete the collection “{ $title }”
gallery-collection-ask = Delete the collection “{ $title }”?
gallery-collection-text = Its images stay in the history.
gallery-collection-yes = Delete collection
gallery-collection-none = No collection yet.
gallery-collected = { $count ->
    [one] 1 image added to “{ $title }”.
   *[other] { $count } images added to “{ $title }”.
}
gallery-taken-out = { $count ->
    [one] 1 image taken out of the collection.
   *[other] { $count } images taken out of the collection.
}
gallery-tagged = { $count ->
    [one] 1 image tagged “{ $title }”.
   *[other] { $count } images tagged “{ $title }”.
}
gallery-untagged = { $count ->
    [one] Tag “{ $title }” removed from 1 image.
   *[other] Tag “{ $title }” removed from { $count } images.
}
gallery-starred = { $count ->
    [one] 1 image starred.
   *[other] { $count } images starred.
}
gallery-unstarred = { $count ->
    [one] Star removed from 1 image.
   *[other] Star removed from { $count } images.
}
gallery-progress = { $count } of { $total }
gallery-stopped = Stopped after { $count } of { $total } images.
gallery-export-title = { $count ->
    [one] Download 1 image
   *[other] Download { $count } images
}
gallery-export-kind = As
gallery-export-zip = Zip archive
gallery-export-sheet-png = Contact sheet, PNG
gallery-export-sheet-pdf = Contact sheet, PDF
gallery-export-csv = Table, CSV
gallery-export-json = Table, JSON
gallery-export-profile = What the files tell
gallery-export-share = Prompt and settings
gallery-export-full = Everything, also price and request id
gallery-export-clean = Nothing
gallery-export-format = File format
gallery-export-kept = As they are
gallery-export-quality = Quality
gallery-export-longest = Longest edge, pixels
gallery-export-names = Names of files
gallery-export-names-hint = For example { "{date}-{seed}-{prompt:40}" }
gallery-export-manifest = Add a table of what is in it
gallery-export-mark = Say in the file that a model made it
gallery-like = More like this
gallery-duplicates = Duplicates
gallery-duplicates-none = No other image shows the same.
gallery-made-from = Made from
gallery-made-from-strength = Made from, strength { $value }
gallery-made-from-file = Made from a file
gallery-made-from-trash = Made from an image that is in the trash
gallery-made-from-gone = Made from an image that is no longer in the history
gallery-made-into = Made into
gallery-made-more = and { $count } more
gallery-set-of = Set
gallery-set = Set: { $title }
gallery-untag-one = Remove the tag “{ $title }”
gallery-take-out-one = Take out of “{ $title }”
gallery-tag-one = Add a tag
gallery-open-image = Open: { $title }
gallery-many-files = { $count } files were dropped. Drop one image at a time; nothing was done with these.
gallery-links = Shared links
gallery-links-none = Nothing is shared. The viewer links to an image, More on the Compare tab to a set.
gallery-links-count = { $count ->
    [one] 1 link is open to whoever has it.
   *[other] { $count } links are open to whoever has them.
}
gallery-links-ask = Revoke all { $count } links?
gallery-links-text = They show nothing from then on. This cannot be undone.
gallery-links-revoke = Revoke all
gallery-links-no = Leave them open
gallery-link-set = Set
gallery-link-since = since { $date }
gallery-link-gone = What it showed was deleted
gallery-link-old = It works, but was made by an earlier version and cannot be shown again
gallery-link-open = Open
gallery-link-copy = Copy link
gallery-link-revoke = Revoke
gallery-all-duplicates-colours = Comparing images: { $done } of { $total }
gallery-all-duplicates-details = Looking closely: { $done } of { $total }
gallery-all-duplicates-none = No two images show the same.
gallery-all-duplicates-found = { $count ->
    [one] 1 group of images shows the same. What is checked stays; the rest can go to the trash.
   *[other] { $count } groups of images show the same. What is checked stays; the rest can go to the trash.
}
gallery-all-duplicates-group = { $count } images that show the same
gallery-all-duplicates-keep = Keep
gallery-all-duplicates-keep-one = Check one to keep
gallery-all-duplicates-all-kept = All are kept
gallery-all-duplicates-copy = same file
gallery-all-duplicates-delete = { $count ->
    [one] Delete the other one
   *[other] Delete the other { $count }
}
gallery-all-duplicates-delete-all = { $count ->
    [one] Delete 1 duplicate
   *[other] Delete all { $count } duplicates
}
gallery-all-duplicates-more = { $count ->
    [one] Show 1 more group
   *[other] Show more of { $count } groups
}
gallery-all-duplicates-ask = { $count ->
    [one] Delete 1 duplicate?
   *[other] Delete { $count } duplicates?
}
gallery-all-duplicates-text = In each group what is checked stays. The rest goes to the trash and can be restored for { $days } days.
