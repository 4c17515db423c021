"""Second implementations that share nothing with the core, so that a shared bug shows.

What stands here was written from the text of the specification with plain Python integers and
bytes: no msgpack, no cryptography, no `hutong_protocol`. It is slow and small on purpose.
"""
