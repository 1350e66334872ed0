"""As everywhere else on the desk: by size of the unit, on a clock of 24 hours."""

DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
