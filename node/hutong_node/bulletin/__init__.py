"""The bulletin: what this node knows, as pages for people in Chinese and English.

Pages are made here from records that anybody may have written, so nothing of them is ever markup:
`text_safety` turns words into pieces, templates escape them, and no page runs a script. `filters`
reads addresses, the page modules read the index and the store into the values of `views`, `pages`
gives them to the templates, `app` answers requests, `server` listens.
"""
