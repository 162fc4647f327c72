//! Health, metrics and, later, the offices' inbox and the supervisors' dashboard.
