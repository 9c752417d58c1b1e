# The Spending tab.

spending-title = Spending
spending-nothing = Nothing was spent. Sandboxes are free.
spending-chart = Dollars a day; the highest bar is { $most }
spending-today = Today (UTC)
spending-days = Last { $days } days
spending-reserved = On its way
spending-maybe = May have been charged
spending-unpriced = Price not known
spending-budget = Budget of the day
spending-own-budget = Your budget of the day
spending-left-at = Left at { $backend }
spending-left = { $backend }: { $balance } left.
spending-by-backend = By backend, last { $days } days
spending-by-owner = By owner, last { $days } days
spending-backend = Backend
spending-owner = Owner
spending-images = Images
spending-spent = Spent
spending-maybe-short = Maybe
spending-this-machine = this machine
