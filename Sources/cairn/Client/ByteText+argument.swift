import ArgumentParser
import CairnModel

extension ByteText: ExpressibleByArgument {
  /// A word of the command line, byte by byte.
  package init?(argument: String) {
    self.init(argument)
  }
}
