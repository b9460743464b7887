/// Values of `CLUSTER_SECRET` that are good enough for Cairn, and known to everyone who reads this.
package enum TestSecret {
  package static let cluster = "of-the-tests-5b1c0a7d9e3f48260d1b"
  package static let other = "of-other-tests-e81f60c2d4b7935a0c"
}
