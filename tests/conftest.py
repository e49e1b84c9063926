"""What holds for all tests."""

import signal

# A shell that starts us in the background has SIGINT ignored, and so would every program that we start and then press Ctrl-C in.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
