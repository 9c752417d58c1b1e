# Sentences of history, kept in English and told again on the page.

history-thumbnail-image-damaged-so-nothing = The thumbnail of this image is damaged, so nothing can be compared with it.
history-choose-another-image = Choose another image.
history-you-have-links-are-open = You have { $most } links that are open.
history-revoke-some-them-try-again = Revoke some of them and try again.
history-left-out-of-backup = It was waiting when this backup was made, and was left out of it.
history-make-again-after-backup = Make it again if the installation that the backup was made of did not.
