from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0006_live'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='verification',
            field=models.JSONField(blank=True, default=dict, help_text='Whether it came to the same when it was run again.'),
        ),
        migrations.AddField(
            model_name='run',
            name='verify_due_at',
            field=models.DateTimeField(blank=True, help_text='When a worker may verify it; null: nobody asked.', null=True),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('verify_due_at__isnull', False)), fields=['verify_due_at'], name='run_verification_due'),
        ),
    ]
