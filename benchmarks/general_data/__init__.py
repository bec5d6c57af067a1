"""Every data set at hand, measured in one way: data, splits, kept figures, ranks and regret."""
