"""Attribution: one score as a sum of contributions, exact to rounding."""
