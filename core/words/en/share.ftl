# Links by which others look at an image or a set.

share-made-by-model = Made with an AI model.
share-about-set = { $count ->
    [one] A set of 1 image.
   *[other] A set of { $count } images.
}
share-facts = seed { $seed } · { $width }×{ $height } · { $model }
share-gone-unknown = This link leads nowhere: it is not whole, or it was never made.
share-gone-off = Links to look at images are switched off here.
share-gone-revoked = This link was revoked by whoever made it.
share-gone-deleted = What this link showed was deleted.
share-link = Share link
share-link-about = Whoever has this link sees the image with its prompt and settings, until you revoke it. History lists all your links.
share-link-about-set = Whoever has this link sees the images of this set with their prompts and settings, also those that are added, until you revoke it. History lists all your links.
share-open-set = { $count ->
    [one] 1 link shows this set.
   *[other] { $count } links show this set.
}
share-open = { $count ->
    [one] 1 link shows this image.
   *[other] { $count } links show this image.
}
share-revoke = Revoke
share-settings = Copy link to settings
