from greet import greet


def test_greets():
    assert greet("you") == "hello, you"
