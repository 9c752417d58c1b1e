# What the server says before the page is asked.

server-request-holds-text-without-end = This request holds a text without an end.
server-request-too-large-at-most = This request is too large: at most { $most } MB are taken. Make the image smaller and try again.
server-request-not-json-in-utf = This request is not JSON in UTF-8.
server-request-holds-number-or-word = This request holds a number or a word without an end.
server-request-goes-more-than-levels = This request goes more than { $deepest } levels deep.
server-request-has-far-too-many = This request has far too many parts.
server-address-too-long = This address is too long.
server-request-took-too-long-arrive = This request took too long to arrive.
server-too-much-sent-here-at = Too much is sent here at once. Try again later.
server-sign-in-first = Sign in first.
server-there-no-such-image = There is no such image.
server-there-no-such-archive = There is no such archive.
server-not-offered = This is not offered here.
server-foreign = This page belongs to another site.
