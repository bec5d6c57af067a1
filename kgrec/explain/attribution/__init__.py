"""Attribution: one score as a sum of contributions, exact up to rounding."""
