import CairnModel
@testable import cairn

/// What an operator gives: files and settings.
extension FuzzTarget {
  static let configuration: [FuzzTarget] = [
    FuzzTarget(
      "component-file",
      texts: [
        """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: statestore}
        spec:
          type: state.redis
          version: v1
          metadata:
          - name: redisHost
            value: "[::1]:6379"
          - {name: redisPassword, value: 'a'}
          - name: redisDB
            value: "1"
        """,
        """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        spec:
          type: state.sqlite
          metadata:
            - name: connectionString
              value: "file:/data/x"
        """, "a: &x [1, *x]\n? b\n: |\n  text\n", "[[[[[[[[[[[[[[[[[[[[",
      ]
    ) { input in
      if let value = accepted({ try YAMLValue(document: input.bytes) }) {
        try require(
          value.size <= 3 * input.bytes.count, "a document of \(input.bytes.count) bytes has \(value.size) values")
      }
      _ = accepted { try StateStoreComponent(input.bytes, file: "component.yaml") }
    },

    FuzzTarget(
      "settings",
      texts: ["1G", "512MiB", "0.5", "1e308", "nan", "off", "8000", "on", "18446744073709551615T", "-1", "i"]
    ) { input in
      let text = input.text
      for setting in [Settings.volumeSize, Settings.freeSpaceMin, Settings.uploadMemory] {
        if let bytes = setting.parse(text) { try require(bytes <= 1 << 50, "\(setting.name) is \(bytes)") }
      }
      for setting in [Settings.repairDelay, Settings.garbageGrace, Settings.idleTimeout, Settings.nodeTimeout] {
        if let time = setting.parse(text) { try require(time >= .zero, "\(setting.name) is \(time)") }
      }
      for setting in [Settings.port, Settings.redisPort, Settings.connectionsMax, Settings.eventLoops] {
        if let number = setting.parse(text) { try require(number >= 0, "\(setting.name) is \(number)") }
      }
      _ = Settings.s3Port.parse(text)
      _ = Settings.durability.parse(text)
      _ = Settings.peers.parse(text)
      _ = Settings.accessKey.parse(text)
      _ = Settings.secretKey.parse(text)
      var reader = SettingReader(environment: ["PORT": text], flags: [:])
      _ = accepted { try reader.read(Settings.port) }
    },
  ]
}

extension YAMLValue {
  /// Values in it.
  fileprivate var size: Int {
    switch content {
    case .scalar: 1
    case .list(let values): values.reduce(1) { $0 + $1.size }
    case .map(let entries): entries.reduce(1) { $0 + 1 + $1.value.size }
    }
  }
}
