# What is said about collections, tags, notes and the trash.

no-such-collection = There is no such collection.
look-at-collections = Look at the list of collections.
collection-untitled = A collection needs a title.
type-title = Type a title.
collection-title-taken = There is a collection of that title already.
choose-other-title = Choose another title.
tag-unnamed = A tag needs a name.
type-tag = Type one or two words.
tag-too-long = This tag is longer than { $most } characters.
note-too-long = The note is longer than { $most } characters.
no-image-of-id = There is no image “{ $id }” in the history.
nothing-changed = Nothing was changed.
ids-no-list = Ids must be a list of texts.
take-ids = Take them from `history`.
ids-too-many = These are { $count } ids; { $most } is the most of one call.
send-several-calls = Send them in several calls.
shorten-it = Shorten it.
