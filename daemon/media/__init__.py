"""What audio is: codecs, RTP packets, the sender's clock, the timeline. No I/O and no clock of its own."""
