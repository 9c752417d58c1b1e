"""What all remote services share: one HTTP client, downloads, polling and refusals."""
