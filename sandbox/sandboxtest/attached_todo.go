package sandboxtest

var attachedTests []test
