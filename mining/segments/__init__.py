"""Groups that a marketer can name: RFM segments, tiers of the customer pyramid, lifecycle stages."""
