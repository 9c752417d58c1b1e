# Sentences of studio, kept in English and told again on the page.

studio-not-colour = “{ $plain }” is not a colour.
studio-write-as-six-digits-such = Write it as # and six digits, such as #4488d8.
studio-price-must-number-from-0 = A price must be a number from 0 to 1,000,000, in dollars.
studio-change-value = Change the value.
studio-there-no-database-file-read = There is no database file to read.
studio-was-sent-with-key-your = This was sent with a key of your own, and you have none set now.
studio-no-task = “{ $backend }” does not offer the task “{ $name }”.
studio-no-backend = There is no backend called “{ $name }”.
studio-not-ready = { $label } is not ready.
studio-no-other-backend-can-make = No other backend can make this image now.
studio-press-retry-later = Press Retry later.
studio-enter-key-on-backends-tab = Enter a key on the Backends tab first.
studio-link-cannot-show = A link cannot show “{ $kind }”.
studio-there-no-such-link = There is no such link.
studio-links-look-at-are-switched = Links to look at are switched off here.
studio-may-have-been-revoked-already = It may have been revoked already.
studio-whoever-runs-playground-can-switch = Whoever runs this playground can switch them on with SRPO_SHARE=1.
studio-service-deletes-nothing = The service that made this image deletes nothing when it is asked to.
studio-it-forgets-by-itself = It forgets its images by itself after some days.
