# What searches, filters and dates are refused for.

too-many-words = A search can have at most { $most } words.
fewer-words = Use fewer words; a few rare ones are enough.
moment-unreadable = “{ $given }” is not a date.
moment-form = Write it as 2026-01-31 or 2026-01-31T18:30:00Z.
filter-untitled = A filter needs a name.
filter-name-long = This name is longer than { $most } characters.
filters-too-many = There are { $most } saved filters already.
filter-delete-one = Delete one of them first.
no-such-filter = There is no such filter.
look-at-filters = Look at the list of saved filters.
