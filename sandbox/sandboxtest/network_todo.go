package sandboxtest

var networkTests []test
