"""Sets: one request made over targets and axes, planned and priced before anything is sent."""
