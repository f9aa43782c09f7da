"""What a go-live needs: looked at part by part, each with what to do about it."""
