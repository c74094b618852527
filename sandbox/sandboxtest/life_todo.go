package sandboxtest

var lifeTests []test
