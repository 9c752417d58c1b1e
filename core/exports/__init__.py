"""Handing images over: names by template, zips that are streamed, contact sheets, manifests."""
