package sandboxtest

var hardeningTests []test
