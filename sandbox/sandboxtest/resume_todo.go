package sandboxtest

var resumeTests []test
