"""The operations of the harness, one module for each section of the specification.

Each module has `OPS`: the name of an operation -> a function of the request that returns what
stands under `ok` in the reply. A `ProtocolFault` becomes the fault of the reply, a `BadRequest` its
error.
A new module is added to the table in `harness`. The requests and replies are described in
spec/vectors/README.md.
"""
