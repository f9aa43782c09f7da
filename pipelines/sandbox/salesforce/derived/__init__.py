"""What the vendor sets when a record is written: fields that follow from others, sums, history."""
