"""Who is at how many chunks is counted from as many rows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0010_shares_and_deletions")]

    operations = [
        migrations.AddIndex(
            model_name="sweepchunk",
            index=models.Index(
                condition=models.Q(("lease_owner__gt", ""), ("status", "ready")),
                fields=["sweep", "lease_expires_at"],
                name="chunk_held",
            ),
        ),
    ]
