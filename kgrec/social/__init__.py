"""Whom to follow: users recommended to users, from who follows whom, taste and shared items."""
