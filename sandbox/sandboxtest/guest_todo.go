package sandboxtest

var guestTests []test
