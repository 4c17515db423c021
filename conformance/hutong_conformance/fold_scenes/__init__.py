"""The scenes of the vectors of the fold: who said what, and the numbers a person expects of it.

Each module has `scenes()`. What a vector expects as a whole is computed by `independent`; the few
values that a scene `shows` are stated by hand and must stand in it. The core judges both.
"""
