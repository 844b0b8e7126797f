"""Every decision of the operator, as pure functions of data: no I/O, no clock, no logging."""
