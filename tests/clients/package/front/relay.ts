// The documents of a front end with Relay. Its compiler asks for names that begin with that of the file.
import { graphql } from "relay-runtime";

graphql`query relayViewerQuery { viewer { email } }`;
graphql`mutation relayOpenMutation($input: OpenIncidentInput!) { openIncident(input: $input) { id name } }`;
graphql`subscription relayChangedSubscription($present: Boolean!) { incidentsChanged(present: $present) { kind incident { name } } }`;
