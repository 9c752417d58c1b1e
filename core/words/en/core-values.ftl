# Sentences of values, kept in English and told again on the page.

value-empty = The { $lower } is empty.
value-longer-than-characters = The { $lower } is longer than { $limits } characters.
value-contains-characters-cannot-sent = The { $lower } contains characters that cannot be sent.
value-there-no-image-start-from = There is no image to start from.
value-missing = { $title } is missing.
value-backend-has-no-setting-called = This backend has no setting called “{ $name }”.
value-write-few-words-first = Write a few words first.
value-type-again-instead-pasting = Type it again instead of pasting it.
value-add-image-first = Add an image first.
value-fill-in = Fill it in.
value-one-of = { $title } must be one of { $choices }.
value-multiple = { $title } must be a multiple of { $step } from { $low } to { $high }.
value-whole = { $title } must be a whole number from { $low } to { $high }.
value-range = { $title } must be from { $low } to { $high }.
value-yes-no = { $title } must be a yes or a no.
value-text = { $title } must be a text.
value-number = { $title } must be a number.
value-offers = It offers: { $names }.
