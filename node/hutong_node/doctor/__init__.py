"""`hutong doctor`: what is wrong with a node or between two nodes, in words, with the next step."""
