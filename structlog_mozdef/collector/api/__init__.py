"""What the collector's page and tests in any language ask: which events have arrived.

Before it stands the `store`, which holds all; behind it the page, and programs that ask over HTTP.
docs/collector.rst documents the questions and their answers.

- `summary`: from a row of the store to what is shown and searched of an event.
- `catalog`: the events that match a filter, counted and listed. `block` holds 4,096 of them as bit
  sets, `texts` finds words, `streams` knows which numbers are missing; `histogram` counts by time.
- `filters`: the parameters of a question. `details`: one event, sent beside stored.
- `routes`: paths and answers; `live`: the stream of what arrives; `waiting`: its bounds.
- `guard`: who may ask. `page_files`: the files of the page.
"""
